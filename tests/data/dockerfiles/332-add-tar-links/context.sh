mkdir -p t/d; echo x >t/d/x; ln t/d/x t/h; ln -s d/x t/s; ln -s /abs t/a; tar --owner=0 --group=0 -cf t.tar -C t .; rm -r t
