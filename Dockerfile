# The server with its embedded PostgreSQL in one image. See compose.yaml for the way to run it.

FROM python:3.13-slim AS build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /build
# Pins first: this layer is only made again when they change.
COPY requirements/ requirements/
RUN python -m venv /opt/build-tools \
 && /opt/build-tools/bin/pip install --require-hashes -r requirements/build.txt \
 && python -m venv /opt/openvoucher \
 && /opt/openvoucher/bin/pip install --require-hashes -r requirements/runtime.txt
COPY pyproject.toml LICENSE ./
COPY src/ src/
RUN /opt/build-tools/bin/pip wheel --no-deps --no-build-isolation --wheel-dir dist . \
 && /opt/openvoucher/bin/pip install --no-deps --no-index dist/*.whl

FROM python:3.13-slim
# PostgreSQL refuses to run as root, and wants a user that has a name.
RUN useradd --system --user-group --uid 10001 --no-create-home --home-dir /var/lib/openvoucher \
      --shell /usr/sbin/nologin openvoucher \
 && install --directory --owner=openvoucher --group=openvoucher --mode=0700 /var/lib/openvoucher
COPY --from=build /opt/openvoucher /opt/openvoucher
ENV PATH=/opt/openvoucher/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    OPENVOUCHER_HOST=0.0.0.0 \
    OPENVOUCHER_PORT=8000 \
    OPENVOUCHER_DATA_DIR=/var/lib/openvoucher \
    OPENVOUCHER_LOG_FORMAT=json
USER openvoucher
WORKDIR /var/lib/openvoucher
VOLUME /var/lib/openvoucher
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 \
  CMD ["python", "-c", "import os, urllib.request as r; r.urlopen(f\"http://127.0.0.1:{os.environ['OPENVOUCHER_PORT']}/healthz\", timeout=4)"]
ENTRYPOINT ["openvoucher"]
CMD ["serve"]
