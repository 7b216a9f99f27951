# One image for every program of Hooktail: the server by default, the processor and the tools by another command.
FROM node:22-slim

ENV NODE_ENV=production
WORKDIR /app

# Dependencies first: they change less often than the code, and their layer is kept.
COPY package.json package-lock.json ./
RUN npm ci --omit=dev && npm cache clean --force

COPY tsconfig.json ./
COPY src ./src
COPY tools ./tools

USER node
EXPOSE 8000

# node itself and not npm, which would keep SIGTERM from reaching the program: a drain needs to hear it.
CMD ["node", "--import", "tsx", "src/server.ts"]
