mkdir t; echo x >t/x; tar --owner=1 --group=1 -cJf a.tar.xz -C t x; rm -r t
