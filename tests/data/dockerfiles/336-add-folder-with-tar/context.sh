mkdir d; echo x >x; tar --owner=0 --group=0 --mtime=@0 -cf d/t.tar x; rm x
