import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Logger } from './log.ts'

/** What a page answers. */
export interface Page {
  status: number
  contentType: string
  body: string
}

/** By path, as `/livez`. Asked each time. */
export type Pages = Readonly<Record<string, () => Page | Promise<Page>>>

export interface OperatorPortSettings {
  host: string
  /** 0 takes a free one. */
  port: number
  pages: Pages
  log: Pick<Logger, 'error'>
}

export interface OperatorPort {
  /** `http://host:port`, with the port that was taken. */
  url: string
  close(): Promise<void>
}

export function jsonPage(status: number, body: object): Page {
  return { status, contentType: 'application/json', body: `${JSON.stringify(body)}\n` }
}

/**
 * Serves a few pages on a port of their own, which is nobody's but the operator's: it has no tokens, and it answers while the
 * process is full of work or does not take any more. A page that throws is answered with 500.
 *
 * @throws what listening throws, when the port is taken for instance
 */
export async function openOperatorPort({ host, port, pages, log }: OperatorPortSettings): Promise<OperatorPort> {
  const paths = Object.keys(pages)

  async function answerTo(method: string | undefined, url = ''): Promise<Page> {
    const [path = ''] = url.split('?', 1)
    const page = paths.includes(path) ? pages[path] : undefined
    if (!page) return jsonPage(404, { error: `only ${paths.join(', ')} are here` })
    if (method !== 'GET' && method !== 'HEAD') return jsonPage(405, { error: 'only GET and HEAD are allowed' })
    try {
      return await page()
    } catch (err) {
      log.error({ err, path }, 'a page of the operator failed')
      return jsonPage(500, { error: 'it is in the log' })
    }
  }

  const server = createServer((request, response) => {
    answerTo(request.method, request.url)
      .then(page => send(response, page))
      .catch((err: unknown) => {
        log.error({ err }, 'a page of the operator could not be sent')
        response.destroy()
      })
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, host, resolve)
  })
  server.on('error', err => log.error({ err }, 'the operator port could not accept a connection'))
  const { address, family, port: taken } = server.address() as AddressInfo
  return {
    url: `http://${family === 'IPv6' ? `[${address}]` : address}:${taken}`,
    close: () =>
      new Promise((resolve, reject) => {
        server.close(error => (error ? reject(error) : resolve()))
        server.closeAllConnections()
      }),
  }
}

function send(response: ServerResponse, { status, contentType, body }: Page): void {
  response.writeHead(status, {
    'content-type': contentType,
    'cache-control': 'no-store',
    ...(status === 405 && { allow: 'GET, HEAD' }),
  })
  response.end(body)
}
