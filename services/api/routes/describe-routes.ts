import swagger, { type StaticDocumentSpec } from '@fastify/swagger'
import fastify, { type FastifySchema, type RouteOptions } from 'fastify'
import type { TObject } from 'typebox'
import { version } from '../../platform/version.ts'
import { jsonUploadSchema } from '../body-formats/json.ts'
import { problemSchema } from '../problems/problem.ts'
import { downloadSchema } from './content-redirect.ts'
import { severalSchema } from './create-upload-schema.ts'
import { grantSchema } from './grant-schema.ts'
import { pageSchema } from './list-uploads.ts'
import { nameResponses } from './name-responses.ts'
import { acceptedSchema, objectSchema, outputSchema, uploadSchema } from './schemas.ts'
import { limitsSchema } from './upload-limits.ts'

/** The schemas that the OpenAPI document has by name, so that generated clients have a type for each. */
const named: Readonly<Record<string, TObject>> = {
  Problem: problemSchema,
  ObjectReference: objectSchema,
  Output: outputSchema,
  Upload: uploadSchema,
  UploadPage: pageSchema,
  JsonUpload: jsonUploadSchema,
  AcceptedUpload: acceptedSchema,
  AcceptedUploads: severalSchema,
  Grant: grantSchema,
  Download: downloadSchema,
  UploadLimits: limitsSchema,
}

/**
 * Generates the OpenAPI document of routes, with a second app that has the same routes. The app that serves them has already
 * started, so it can't register the plugin.
 *
 * @param routes the routes as `onRoute` hooks get them
 * @param publicPath the path under which clients see the api
 */
export async function describeRoutes(
  routes: readonly RouteOptions[],
  publicPath: string,
): Promise<StaticDocumentSpec['document']> {
  const described = fastify({ exposeHeadRoutes: false })
  // This app never validates or serializes anything.
  described.setValidatorCompiler(() => () => true)
  described.setSerializerCompiler(() => String)
  for (const [name, schema] of Object.entries(named))
    described.addSchema({ $id: name, ...withReferences(schema, name) })
  await described.register(swagger, {
    refResolver: { buildLocalReference: (schema, _baseUri, _fragment, index) => String(schema.$id ?? `def-${index}`) },
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'Headgate',
        version: version(),
        description: 'Upload files and get them processed. Errors are RFC 9457 problem details.',
        license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
      },
      ...(publicPath !== '' && { servers: [{ url: publicPath }] }),
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
      return { url, schema: withReferences(shown) as FastifySchema }
    },
  })
  for (const { method, url, schema, config } of routes) {
    described.route({ method, url, ...(schema && { schema }), ...(config && { config }), handler: () => undefined })
  }
  await described.ready()
  return nameResponses(described.swagger() as StaticDocumentSpec['document'])
}

/**
 * Replaces the named schemas in a value by references. A copy of a schema with another description is recognised by its `properties`, and
 * keeps its description.
 *
 * @param own the schema that is being named itself
 */
function withReferences<T>(value: T, own?: string): T {
  if (Array.isArray(value)) return value.map(item => withReferences(item)) as T
  if (typeof value !== 'object' || value === null) return value
  const { properties, description, headers } = value as Partial<TObject> & { description?: string; headers?: object }
  const name = properties && Object.keys(named).find(key => named[key]?.properties === properties)
  if (name !== undefined && name !== own) {
    return { $ref: `${name}#`, ...(description && { description }), ...(headers && { headers }) } as T
  }
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, withReferences(item)])) as T
}
