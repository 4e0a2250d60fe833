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
    /** What the OpenAPI document says of the body, where the route itself takes it as a stream. */
    openapiBody?: Record<string, unknown>
    /** What it says of headers that the route itself does not look at. */
    openapiHeaders?: object
    /** What it says of answers, by status, where the route's own schema is only one of them. */
    openapiResponses?: Record<number, unknown>
  }
}

/** `/openapi.json`, and `/docs` to read it and try it. Registered before the routes that it is to describe. */
export const docs = fastifyPlugin(
  async app => {
    const routes: RouteOptions[] = []
    app.addHook('onRoute', route => {
      routes.push(route)
    })
    // Made for the first who asks, as the pages are: to load what makes them took a tenth of every start.
    const document = onFirstUse(async () => (await import('./describe-routes.ts')).describeRoutes(routes))
    const pages = onFirstUse(async () => openPages(await document()))
    app.decorate('openapi', document)
    const hidden = { schema: { hide: true }, logLevel: 'warn', config: { access: 'public' } } as const
    app.get('/openapi.json', hidden, () => document())

    for (const url of ['/docs', '/docs/*']) {
      app.get(url, hidden, async ({ raw, headers: { 'if-none-match': known } }, reply) => {
        const page = await (await pages()).inject({
          url: raw.url ?? '/docs',
          headers: known === undefined ? {} : { 'if-none-match': known },
        })
        if (page.statusCode >= 500) throw new Error(`The pages of /docs answered ${page.statusCode}: ${page.payload}`)
        // A path out of the folder too: nothing of it is told.
        if (page.statusCode >= 400) return reply.callNotFound()
        // What is of the connection is not the page's to say.
        const { connection: _connection, 'transfer-encoding': _coding, ...headers } = page.headers
        return reply.code(page.statusCode).headers(headers).send(page.rawPayload)
      })
    }
    // Where they could not be opened, whoever asked has been told.
    app.addHook('onClose', async () =>
      pages.ifUsed()?.then(
        opened => opened.close(),
        () => undefined,
      ),
    )
  },
  { name: 'docs', fastify: '5.x' },
)

async function openPages(document: Document): Promise<FastifyInstance> {
  const [{ default: swagger }, { default: swaggerUi }] = await Promise.all([
    import('@fastify/swagger'),
    import('@fastify/swagger-ui'),
  ])
  const pages = fastify()
  await pages.register(swagger, { mode: 'static', specification: { document } })
  await pages.register(swaggerUi, {
    routePrefix: '/docs',
    staticCSP: true,
    // On a laptop, and behind whatever ends TLS, the pages come over plain HTTP.
    transformStaticCSP: policy => policy.replace(' upgrade-insecure-requests;', ''),
  })
  await pages.ready()
  return pages
}
