from a
Run x
rUn	y
WORKDIR	/w
ENVA=1
LABELb=2
