mkdir t; echo 1 >t/1; echo 2 >t/2; tar --owner=0 --group=0 -cf one.tar -C t 1; tar --owner=0 --group=0 -czf two.tgz -C t 2; rm -r t
