import swagger, { type StaticDocumentSpec } from '@fastify/swagger'
import fastify, { type FastifyInstance, type FastifySchema } from 'fastify'
import fastifyPlugin from 'fastify-plugin'

declare module 'fastify' {
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
    await app.register(swagger, {
      openapi: {
        openapi: '3.1.0',
        info: {
          title: 'Headgate',
          version: '0.1.0',
          description: 'Authenticated uploads in, processed objects out. Errors are RFC 9457 problem details.',
          license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
        },
        tags: [
          { name: 'uploads', description: 'Your uploads.' },
          { name: 'tus', description: 'Resumable uploads, by tus 1.0.' },
          { name: 'health', description: 'For load balancers and operators.' },
        ],
        components: {
          securitySchemes: {
            bearer: {
              type: 'http',
              scheme: 'bearer',
              bearerFormat: 'JWT',
              description: 'An id or access token of the Cognito user pool.',
            },
          },
        },
      },
      transform: ({ schema, url, route }) => {
        const { openapiBody: body, openapiHeaders: headers, openapiResponses } = route.config ?? {}
        const response = { ...(schema?.response as object), ...openapiResponses }
        const described = { ...schema, response, ...(body && { body }), ...(headers && { headers }) }
        return { url, schema: described as FastifySchema }
      },
    })
    const hidden = { schema: { hide: true }, logLevel: 'warn' } as const
    app.get('/openapi.json', hidden, () => app.swagger())

    let pages: Promise<FastifyInstance> | undefined
    for (const url of ['/docs', '/docs/*']) {
      app.get(url, hidden, async ({ raw, headers: { 'if-none-match': known } }, reply) => {
        pages ??= openPages(app.swagger() as StaticDocumentSpec['document'])
        const page = await (await pages).inject({
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
      pages?.then(
        opened => opened.close(),
        () => undefined,
      ),
    )
  },
  { name: 'docs', fastify: '5.x' },
)

/** Where the pages are read. Made for the first who asks: to read them from disk took a tenth of every start. */
async function openPages(document: StaticDocumentSpec['document']): Promise<FastifyInstance> {
  const { default: swaggerUi } = await import('@fastify/swagger-ui')
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
