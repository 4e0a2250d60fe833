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
  const { paths } = (await (await fetch(`${url}/openapi.json`)).json()) as {
    paths: Record<string, Record<string, Answers>>
  }
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
