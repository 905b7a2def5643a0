FROM a
RUN one \  
 two \	
 three
RUN four \\
LABEL x=1
RUN five \
\
 six
