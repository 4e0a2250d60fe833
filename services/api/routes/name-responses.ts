import { STATUS_CODES } from 'node:http'
import type { StaticDocumentSpec } from '@fastify/swagger'

type Document = StaticDocumentSpec['document']

interface Operation {
  operationId: string
  responses: Record<string, object>
}

/** The statuses of tus that HTTP does not define. */
const TUS_STATUSES: Readonly<Record<string, string>> = { 460: 'Checksum Mismatch' }

/**
 * Moves the error responses of an OpenAPI document into its components, because most operations share them. A response that most
 * operations with this status have is named by its status, such as `Unauthorized`. Any other is named by its first operation too, such as
 * `createUploadBadRequest`.
 */
export function nameResponses(document: Document): Document {
  const { paths, components } = document as unknown as {
    paths: Record<string, Record<string, Operation>>
    components: object
  }
  const operations = Object.values(paths).flatMap(methods => Object.values(methods))
  for (const operation of operations) operation.operationId = operation.operationId.replace(/-head$/, '')
  const errors = operations.flatMap(operation =>
    Object.entries(operation.responses)
      .filter(([status]) => Number(status) >= 400)
      .map(([status, response]) => ({ operation, status, response, text: JSON.stringify(response) })),
  )
  const responses: Record<string, object> = {}
  for (const [status, alike] of Map.groupBy(errors, error => error.status)) {
    const groups = [...Map.groupBy(alike, ({ text }) => text).values()].sort((a, b) => b.length - a.length)
    const reason = (STATUS_CODES[status] ?? TUS_STATUSES[status] ?? status).replaceAll(' ', '')
    for (const [index, group] of groups.entries()) {
      const [first] = group
      if (!first) continue
      const name = index === 0 ? reason : `${first.operation.operationId}${reason}`
      responses[name] = first.response
      for (const { operation } of group) operation.responses[status] = { $ref: `#/components/responses/${name}` }
    }
  }
  return { ...document, components: { ...components, responses } } as Document
}
