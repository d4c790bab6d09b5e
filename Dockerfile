# The playground in one image. Build: docker build -t tensor-playground .
#
# The image runs on a CPU and, started with `--gpus all`, on a GPU: PyTorch's ordinary Linux wheels carry CUDA. They are
# large. A much smaller image, for CPUs only, takes PyTorch's CPU wheels instead; their index is the address shown on
# https://pytorch.org/get-started/locally/ when you choose Pip and CPU:
#     docker build --build-arg TORCH_INDEX=<that index> -t tensor-playground .

FROM python:3.11-slim-bookworm AS build
ARG TORCH_INDEX=""
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PIP_NO_CACHE_DIR=1
WORKDIR /srv/playground
# The packages change less often than our code: they are a layer of their own, made from what names them.
COPY pyproject.toml constraints.txt README.md LICENSE ./
COPY app/__init__.py app/
RUN python -m venv /opt/venv \
    && /opt/venv/bin/python -m pip install --constraint constraints.txt \
        ${TORCH_INDEX:+--extra-index-url "$TORCH_INDEX"} --editable . \
    && /opt/venv/bin/python -m pip install --constraint constraints.txt --no-deps d2l

FROM python:3.11-slim-bookworm
# Nothing is written but to /tmp: with a read-only root, /tmp is the one tmpfs to mount (64 MB; matplotlib's font list).
ENV PATH=/opt/venv/bin:/usr/local/bin:/usr/bin:/bin \
    HOME=/tmp \
    USER=playground \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    PLAYGROUND_HOST=0.0.0.0 \
    PLAYGROUND_PORT=8000
COPY --from=build /opt/venv /opt/venv
WORKDIR /srv/playground
COPY pyproject.toml constraints.txt README.md LICENSE ./
COPY app app
COPY templates templates
COPY static static
RUN /opt/venv/bin/python -m compileall -q app
# A number, so that an orchestrator can see that it is not root; no account goes with it.
USER 10001:10001
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s --retries=3 \
    CMD ["python", "-c", "from urllib.request import urlopen; urlopen('http://127.0.0.1:8000/healthz', timeout=4)"]
CMD ["tensor-playground", "serve"]
