import type { StaticDocumentSpec } from '@fastify/swagger'
import fastify, { type FastifyInstance, type RouteOptions } from 'fastify'
import fastifyPlugin from 'fastify-plugin'
import { onFirstUse } from '../../platform/on-first-use.ts'

type Document = StaticDocumentSpec['document']

declare module 'fastify' {
  interface FastifyInstance {
    /** The OpenAPI document of the app's routes. */
    openapi(): Promise<Document>
  }
  interface FastifyContextConfig {
    /** The body in the OpenAPI document, if the route reads it as a stream. */
    openapiBody?: Record<string, unknown>
    /** The headers in the OpenAPI document, if the route does not validate them. */
    openapiHeaders?: object
    /** The responses in the OpenAPI document by status, if the schema of the route has only one of several. */
    openapiResponses?: Record<number, unknown>
  }
}

/** Serves `/openapi.json`, and `/docs` to read and try the api. `/` redirects there. Registered before the routes that it describes. */
export const docs = fastifyPlugin(
  async app => {
    const routes: RouteOptions[] = []
    app.addHook('onRoute', route => {
      routes.push(route)
    })
    // Generated for the first request, like the pages, because loading the generators would take a tenth of every start.
    const document = onFirstUse(async () =>
      (await import('./describe-routes.ts')).describeRoutes(routes, app.publicPath),
    )
    const pages = onFirstUse(async () => openPages(await document(), app.publicPath))
    app.decorate('openapi', document)
    const hidden = { schema: { hide: true }, logLevel: 'warn', config: { access: 'public' } } as const
    app.get('/openapi.json', hidden, () => document())
    app.get('/', { ...hidden, config: { ...hidden.config, skipWarmUp: true } }, (_request, reply) =>
      reply.redirect('/docs'),
    )

    for (const url of ['/docs', '/docs/*']) {
      app.get(url, hidden, async ({ raw, headers: { 'if-none-match': known } }, reply) => {
        const page = await (await pages()).inject({
          url: raw.url ?? '/docs',
          headers: known === undefined ? {} : { 'if-none-match': known },
        })
        if (page.statusCode >= 500) throw new Error(`/docs responded with ${page.statusCode}: ${page.payload}`)
        // The reason is not revealed, for example if a path leaves the folder.
        if (page.statusCode >= 400) return reply.callNotFound()
        // Headers of the connection belong to the outer response.
        const { connection: _connection, 'transfer-encoding': _coding, ...headers } = page.headers
        return reply.code(page.statusCode).headers(headers).send(page.rawPayload)
      })
    }
    // If opening the pages failed, the request has already got the error.
    app.addHook('onClose', async () =>
      pages.ifUsed()?.then(
        opened => opened.close(),
        () => undefined,
      ),
    )
  },
  { name: 'docs', fastify: '5.x', decorators: { fastify: ['publicPath'] } },
)

async function openPages(document: Document, publicPath: string): Promise<FastifyInstance> {
  const [{ default: swagger }, { default: swaggerUi }] = await Promise.all([
    import('@fastify/swagger'),
    import('@fastify/swagger-ui'),
  ])
  const pages = fastify()
  await pages.register(swagger, { mode: 'static', specification: { document } })
  await pages.register(swaggerUi, {
    routePrefix: '/docs',
    indexPrefix: publicPath,
    staticCSP: true,
    transformStaticCSP: policy =>
      policy
        // On a laptop, and behind a proxy that terminates TLS, the pages are served over plain HTTP.
        .replace(' upgrade-insecure-requests;', '')
        // Swagger UI sets inline styles.
        .replace(/style-src [^;]*/, "style-src 'self' 'unsafe-inline'"),
  })
  await pages.ready()
  return pages
}
