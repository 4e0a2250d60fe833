import type { Test } from 'tap'
import Schema from 'typebox/schema'
import type { TestApi } from './support.ts'

interface Content {
  schema: Record<string, unknown>
}

interface Answers {
  responses: Record<string, { content?: Record<string, Content>; headers?: Record<string, unknown> }>
}

/** Checks responses by the OpenAPI document that the api serves. */
export interface Contract {
  /**
   * Sends a request, and fails the test if the document does not have the response's status, content type, body or headers for the
   * operation, such as `get /uploads/{id}`.
   */
  ask(t: Test, operation: string, path: string, init?: RequestInit): Promise<ContractAnswer>
}

export interface ContractAnswer {
  status: number
  headers: Headers
  /** Parsed if it is JSON, else a text. */
  // biome-ignore lint/suspicious/noExplicitAny: tests look at whatever they expect in it
  body: any
}

export async function readContract({ url }: Pick<TestApi, 'url'>): Promise<Contract> {
  const document: unknown = await (await fetch(`${url}/openapi.json`)).json()
  const { paths } = withoutReferences(document, document) as { paths: Record<string, Record<string, Answers>> }
  return {
    async ask(t, operation, path, init = {}) {
      const [method = '', template = ''] = operation.split(' ')
      const described = paths[template]?.[method]
      if (!described) throw new Error(`The document has no operation "${operation}"`)
      const response = await fetch(url + path, { method: method.toUpperCase(), redirect: 'manual', ...init })
      const text = await response.text()
      const { status, headers } = response
      const type = headers.get('content-type')?.split(';')[0] ?? ''
      const body: unknown = type.endsWith('json') && text ? JSON.parse(text) : text
      const expected = described.responses[status]
      const about = `${operation}, ${status}`
      t.ok(expected, `${about}: the document has the status`)
      for (const name of Object.keys(expected?.headers ?? {})) {
        if (name !== 'link') t.ok(headers.has(name), `${about}: the answer has the header ${name}`)
      }
      if (init.method === 'HEAD' || !expected?.content) t.equal(text, '', `${about}: without a body`)
      else {
        const content = expected.content[type] ?? expected.content['*/*']
        t.ok(content, `${about}: the document has the content type ${type}`)
        const [fits, errors] = content ? Schema.Errors(content.schema, body) : [false, []]
        t.ok(fits, `${about}: the body is what the document says`, { errors, body })
      }
      return { status, headers, body }
    },
  }
}

/** Replaces each reference to a schema or response by what it names. The document has no recursive schemas. */
export function withoutReferences(value: unknown, document: unknown): unknown {
  if (Array.isArray(value)) return value.map(item => withoutReferences(item, document))
  if (typeof value !== 'object' || value === null) return value
  const { $ref, ...rest } = value as { $ref?: unknown }
  if (typeof $ref !== 'string') {
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, withoutReferences(item, document)]))
  }
  let named: unknown = document
  for (const step of $ref.split('/').slice(1)) named = (named as Record<string, unknown> | undefined)?.[step]
  if (named === undefined) throw new Error(`The document does not have ${$ref}`)
  return { ...(withoutReferences(named, document) as object), ...rest }
}
