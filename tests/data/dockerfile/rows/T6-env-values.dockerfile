FROM a
ENV A='q' B="r s" C=a\ b D=$A E='$A'
ENV F=$E
