mkdir -p empty outer/inner
