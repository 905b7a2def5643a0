mkdir -p x/y z/x; echo 1 >x/y/f; echo 2 >z/x/f; echo 3 >top
