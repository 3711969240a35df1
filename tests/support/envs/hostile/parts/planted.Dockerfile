USER root
# What a bad package could bring along: a result from before, in a directory that everybody may write, ...
RUN mkdir -p /imgbuild/smoke/out /imgbuild/smoke/test && echo '{"planted": 1}' > /imgbuild/smoke/out/result.json && chmod -R a+rwX /imgbuild
# ... a program that runs as its owner, root, and a volume, which a read-only root does not cover, ...
RUN cp /usr/bin/id /usr/bin/suid-id && chmod 4755 /usr/bin/suid-id && mkdir -m 1777 /kept && echo before > /kept/file
VOLUME /kept
# ... and code that every python runs before the script.
RUN echo 'import sys; print("welcome to this python", flush=True)' > "$(python -c 'import site; print(site.getsitepackages()[0])')/banner.pth"
HEALTHCHECK --interval=1s CMD touch /tmp/health
USER app
