echo j >app-1.0.jar
