# Postern in a container:
#
#   docker build --tag postern .
#   docker run --init --publish 7443:7443 --volume postern-state:/var/lib/postern \
#     --volume "$PWD/postern.yaml:/etc/postern/postern.yaml:ro" \
#     --volume "$PWD/policy.yaml:/etc/postern/policy.yaml:ro" postern
#
# postern.yaml needs a listener on 0.0.0.0:7443; the admin port stays on loopback, at its default.
# --init reaps what MCP servers leave behind when they end.

FROM node:26-bookworm-slim AS build
WORKDIR /src
COPY package.json package-lock.json ./
COPY bench/package.json bench/
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY . .
RUN npm run build \
    && npm ci --omit=dev --workspaces=false --ignore-scripts --no-audit --no-fund \
    && mv node_modules dist/

FROM node:26-bookworm-slim
LABEL org.opencontainers.image.title="postern" \
      org.opencontainers.image.description="Post-quantum security gateway for the Model Context Protocol" \
      org.opencontainers.image.licenses="Apache-2.0"
ENV NODE_ENV=production \
    POSTERN_HOME=/var/lib/postern
RUN install --directory --owner=node --group=node --mode=0700 /var/lib/postern \
    && install --directory /etc/postern
COPY --from=build /src/dist /opt/postern
# By number, so that an orchestrator can see that it is not root.
USER 1000:1000
WORKDIR /etc/postern
VOLUME ["/var/lib/postern"]
EXPOSE 7443
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s --retries=3 \
    CMD ["node", "-e", "fetch('http://127.0.0.1:7480/readyz').then((answer) => process.exit(answer.ok ? 0 : 1), () => process.exit(1))"]
ENTRYPOINT ["node", "/opt/postern/bin/postern.js"]
CMD ["up", "--config", "/etc/postern/postern.yaml"]
