USER root
RUN cut -d: -f1 /proc/net/dev | tail -n +3 | tr -d ' ' > /interfaces && tail -n +2 /proc/net/route > /routes
USER app
