ln -s file link
mkdir tree real
ln -s ../file tree/relative
ln -s /etc/hostname tree/absolute
ln -s nowhere tree/dangling
ln -s sub tree/todir
mkdir tree/sub
echo r >real/r
ln -s real dirlink
