mkdir t; echo x >t/x; tar --owner=1 --group=2 -cf t.tar -C t .; rm -r t
