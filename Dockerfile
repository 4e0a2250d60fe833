# One file, one image for every role, and targets beside it:
#   runtime    api, worker, the headgate command and the Lambda functions: bundled JavaScript and what cannot be bundled
#   local      the embedded AWS, for docker compose
#   unbundled  the first from tsc's JavaScript and all of node_modules, to measure the other one beside
#
# In the order in which they are asked for: without BuildKit a builder makes every stage above the one that it is to make.

FROM node:24-bookworm-slim AS base
WORKDIR /app
ENV NODE_ENV=production

# AWS's Lambda runtime client compiles an add-on. Its compiler and all that it compiles from stay behind in this stage. First,
# and from nothing of ours: so it is compiled once, whatever changes below.
FROM base AS lambda-client
RUN apt-get update \
 && apt-get install --yes --no-install-recommends cmake g++ make python3 xz-utils \
 && rm -rf /var/lib/apt/lists/*
WORKDIR /lambda
RUN npm_config_nodedir=/usr/local npm install --omit=dev --no-package-lock aws-lambda-ric@4.0.2 \
 && mkdir -p /client/aws-lambda-ric \
 && cd node_modules/aws-lambda-ric \
 && cp index.mjs rapid-client.node package.json LICENSE NOTICE THIRD-PARTY-LICENSES /client/aws-lambda-ric \
 && rm -rf /lambda /root/.npm

# What runs in the end. Its compiled code is good for any size of the young generation.
FROM base AS running
# A small young generation: what a large file passes through is then let go of by many quick collections of it, and not by full
# ones. Half the CPU of such an upload and 60 MiB less memory; small uploads cost the same.
ENV NODE_OPTIONS=--max-semi-space-size=2

# All packages, installed once for every stage that takes some of them.
FROM base AS packages
COPY package.json package-lock.json ./
RUN npm ci --include=dev && rm -rf /root/.npm

FROM packages AS build
COPY tsconfig.json ./
COPY services services

# Bundled where it will lie, since the code that V8 compiles of it is looked up by that. The upload that is taken through it, for
# that, runs on the embedded AWS.
FROM build AS bundle
COPY image image
RUN node image/bundle.ts && node services/console/page/build.ts dist/services/console/page && node image/packages.ts /aside && chown node dist/services
USER node
# Node keeps it for its own user alone, and Lambda has one of its own.
RUN node image/warm-up.ts && chmod -R a+rX dist/services/.compile-cache

# Nothing in it belongs to the user that it runs as, and nothing is written: it runs on a read-only root file system.
FROM running AS runtime
COPY --from=lambda-client /client /lambda/node_modules
COPY --from=bundle --chown=root:root /aside ./
COPY --from=bundle --chown=root:root /app/dist/services dist/services
COPY package.json LICENSE ./
USER node
# As a Lambda function: entry point `node /app/dist/services/lambda-start.js`, command `dist/services/api/lambda.handler` and so
# on: `infra/compute/image.ts` has them all.
CMD ["node", "dist/services/api/server.js"]

# The servers are development dependencies: they are copied, and what only checks, builds and tests is not.
FROM packages AS servers
COPY image/packages.ts image/
RUN node image/packages.ts /aside dynalite fast-jwt kinesis-local \
      $(node -p "Object.keys(require('./package.json').dependencies).join(' ')")

FROM running AS local
COPY --from=servers /aside ./
COPY package.json ./
COPY services services
# The page of the console, which is bundled only once.
COPY --from=bundle /app/dist/services/console/page services/console/page
RUN mkdir /data && chown node:node /data
USER node
VOLUME /data
ENTRYPOINT ["node", "services/local/aws.ts"]

FROM build AS compiled
RUN npm run build && rm -r dist/services/local

# What runs in production, and nothing that only builds or tests.
FROM packages AS dependencies
RUN npm prune --omit=dev

FROM running AS unbundled
COPY --from=dependencies /app/node_modules node_modules
COPY --from=lambda-client /client /lambda/node_modules
COPY --from=compiled /app/dist/services dist/services
COPY --from=bundle --chown=root:root /app/dist/services/lambda-start.js dist/services/
COPY package.json LICENSE ./
USER node
CMD ["node", "dist/services/api/server.js"]

# What `docker build .` makes.
FROM runtime
