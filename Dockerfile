# docker build -t lastcall --build-arg REVISION=$(git rev-parse HEAD) .
# docker run --rm -p 8080:8080 --read-only lastcall
ARG NODE_IMAGE=node:26-trixie-slim

FROM ${NODE_IMAGE} AS build
WORKDIR /app
COPY package.json package-lock.json ./
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY tsconfig.json ./
COPY .build .build
COPY src src
ARG REVISION=unknown
# Also runs the service once, for V8's code cache: it fits this image's Node and no other.
RUN npm run build
# All that the bundle does not contain: LMDB's native part, of which the package has a build for each kind of Node.
RUN mkdir /native && cp --parents node_modules/@lmdb/*/package.json node_modules/@lmdb/*/node.napi.glibc.node /native

FROM ${NODE_IMAGE}
ARG NODE_IMAGE
ARG VERSION=0.1.0
ARG REVISION=unknown
ARG CREATED=1970-01-01T00:00:00Z
LABEL org.opencontainers.image.title="lastcall" \
      org.opencontainers.image.description="Streams items over WebSocket and drains without losing, repeating or reordering one" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.created="${CREATED}" \
      org.opencontainers.image.base.name="${NODE_IMAGE}"
# The one place that is written to; the root file system may be read-only.
RUN install -d -o 1000 -g 1000 -m 0750 /data
WORKDIR /app
COPY package.json LICENSE ./
COPY --from=build /app/dist/bin dist/bin
COPY --from=build /native .
ENV NODE_ENV=production
ENV JOURNAL_URL=lmdb:/data
# By number, so that Kubernetes can see that it is not root.
USER 1000:1000
VOLUME /data
EXPOSE 8080
STOPSIGNAL SIGTERM
# /health stays 200 while the service drains: only a process that cannot work any more is unhealthy.
HEALTHCHECK --interval=15s --timeout=5s --start-period=5s --retries=3 CMD ["node", "-e", "const e = process.env; const tls = !e.ADMIN_PORT && e.TLS_CERT_FILE; const host = ['', '0.0.0.0', '::'].includes(e.HOST || '') ? '127.0.0.1' : e.HOST; require(tls ? 'https' : 'http').get({ host, port: e.ADMIN_PORT || e.PORT || 8080, path: '/health', rejectUnauthorized: false }, (r) => process.exit(r.statusCode === 200 ? 0 : 1)).on('error', () => process.exit(1))"]
# node is PID 1 and hears SIGTERM itself: no shell, no npm in between.
ENTRYPOINT ["node", "/app/dist/bin/lastcall.js"]
CMD ["serve"]
