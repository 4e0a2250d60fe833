import { createHash } from 'node:crypto'
import type { TestUser } from '../support.ts'

export const base64 = (text: string) => Buffer.from(text).toString('base64')

export const sha256Of = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex')

export interface TusReply {
  status: number
  headers: Headers
  /** The parsed JSON of the response. An empty object if the response has no body. */
  body: Record<string, unknown>
}

/** Sends requests of the protocol by hand, including invalid ones. */
export function tusClient(api: { url: string }, { auth }: Pick<TestUser, 'auth'>) {
  async function request(method: string, url: string, headers: Record<string, string> = {}, body?: Buffer) {
    const response = await fetch(new URL(url, api.url), {
      method,
      headers: { ...auth, 'tus-resumable': '1.0.0', ...headers },
      ...(body && { body }),
    })
    const text = await response.text()
    return { status: response.status, headers: response.headers, body: text === '' ? {} : JSON.parse(text) } as TusReply
  }

  return {
    request,
    create: (size: number, headers: Record<string, string> = {}) =>
      request('POST', '/uploads/tus', {
        'upload-length': String(size),
        'upload-metadata': `filename ${base64('a.bin')},filetype ${base64('application/x-test')}`,
        ...headers,
      }),
    /** Creates an upload, which must succeed. Resolves to its URL. */
    async begin(size: number, headers: Record<string, string> = {}): Promise<string> {
      const reply = await this.create(size, headers)
      const url = reply.headers.get('location')
      if (reply.status !== 201 || url === null)
        throw new Error(`Not begun: ${reply.status} ${JSON.stringify(reply.body)}`)
      return url
    },
    head: (url: string) => request('HEAD', url),
    patch: (url: string, offset: number, body: Buffer, headers: Record<string, string> = {}) =>
      request(
        'PATCH',
        url,
        { 'upload-offset': String(offset), 'content-type': 'application/offset+octet-stream', ...headers },
        body,
      ),
    async offset(url: string): Promise<number> {
      const { status, headers } = await request('HEAD', url)
      if (status !== 200) throw new Error(`HEAD ${url}: ${status}`)
      return Number(headers.get('upload-offset'))
    },
  }
}

export function uploadIdOf(url: string): string {
  return url.split('/').at(-1) ?? ''
}
