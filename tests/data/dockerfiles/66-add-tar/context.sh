mkdir -p t/d; echo x >t/d/x; ln t/d/x t/hard; ln -s d t/link; chmod 0711 t/d; chmod 0600 t/d/x
tar --owner=12 --group=34 --mtime=@0 -cf plain.tar -C t .
tar --owner=0 --group=0 -czf zipped.tgz -C t d
tar --owner=5 --group=6 -cjf twice.tar.bz2 -C t d hard link
rm -r t
