echo text | gzip -n >f.gz; : >empty.tar
