echo h >.hidden; mkdir .dir; echo i >.dir/i; echo j >plain; rm -f context.sh
