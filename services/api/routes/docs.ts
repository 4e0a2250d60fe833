import swagger from '@fastify/swagger'
import swaggerUi from '@fastify/swagger-ui'
import type { FastifySchema } from 'fastify'
import fastifyPlugin from 'fastify-plugin'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** What the OpenAPI document says of the body, where the route itself takes it as a stream. */
    openapiBody?: Record<string, unknown>
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
        const { openapiBody: body, openapiResponses } = route.config ?? {}
        const response = { ...(schema?.response as object), ...openapiResponses }
        return { url, schema: { ...schema, response, ...(body && { body }) } as FastifySchema }
      },
    })
    await app.register(swaggerUi, {
      routePrefix: '/docs',
      staticCSP: true,
      // On a laptop, and behind whatever ends TLS, the pages come over plain HTTP.
      transformStaticCSP: policy => policy.replace(' upgrade-insecure-requests;', ''),
    })
    app.get('/openapi.json', { schema: { hide: true }, logLevel: 'warn' }, () => app.swagger())
  },
  { name: 'docs', fastify: '5.x' },
)
