import swagger, { type StaticDocumentSpec } from '@fastify/swagger'
import fastify, { type FastifySchema, type RouteOptions } from 'fastify'
import { version } from '../../platform/version.ts'

/**
 * Generates the OpenAPI document of routes, with a second app that has the same routes. The app that serves them has already
 * started, so it can't register the plugin.
 *
 * @param routes the routes as `onRoute` hooks get them
 */
export async function describeRoutes(routes: readonly RouteOptions[]): Promise<StaticDocumentSpec['document']> {
  const described = fastify({ exposeHeadRoutes: false })
  // This app never validates or serializes anything.
  described.setValidatorCompiler(() => () => true)
  described.setSerializerCompiler(() => String)
  await described.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'Headgate',
        version: version(),
        description: 'Upload files and get them processed. Errors are RFC 9457 problem details.',
        license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
      },
      tags: [
        { name: 'uploads', description: 'Your uploads.' },
        { name: 'tus', description: 'Resumable uploads by tus 1.0.' },
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
      const shown = { ...schema, response, ...(body && { body }), ...(headers && { headers }) }
      return { url, schema: shown as FastifySchema }
    },
  })
  for (const { method, url, schema, config } of routes) {
    described.route({ method, url, ...(schema && { schema }), ...(config && { config }), handler: () => undefined })
  }
  await described.ready()
  return described.swagger() as StaticDocumentSpec['document']
}
