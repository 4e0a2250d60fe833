import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Logger } from './log.ts'

/** The response of a page. */
export interface Page {
  status: number
  contentType: string
  body: string
}

/** Functions that render pages, by path such as `/livez`. Each request calls its function. */
export type Pages = Readonly<Record<string, () => Page | Promise<Page>>>

export interface OperatorPortSettings {
  host: string
  /** 0 selects a free port. */
  port: number
  pages: Pages
  log: Pick<Logger, 'error'>
}

export interface OperatorPort {
  /** `http://host:port`, with the selected port. */
  url: string
  close(): Promise<void>
}

export function jsonPage(status: number, body: object): Page {
  return { status, contentType: 'application/json', body: `${JSON.stringify(body)}\n` }
}

/**
 * Serves pages for the operator on a separate port. The port needs no tokens, and keeps responding while the process is overloaded or
 * shuts down. If a page throws, the response has the status 500.
 *
 * @throws the error of `listen`, for example if the port is in use
 */
export async function openOperatorPort({ host, port, pages, log }: OperatorPortSettings): Promise<OperatorPort> {
  const paths = Object.keys(pages)

  async function render(method: string | undefined, url = ''): Promise<Page> {
    const [path = ''] = url.split('?', 1)
    const page = paths.includes(path) ? pages[path] : undefined
    if (!page) return jsonPage(404, { error: `This path does not exist. Available paths: ${paths.join(', ')}.` })
    if (method !== 'GET' && method !== 'HEAD') return jsonPage(405, { error: 'Only GET and HEAD are allowed.' })
    try {
      return await page()
    } catch (err) {
      log.error({ err, path }, 'a page of the operator port failed')
      return jsonPage(500, { error: 'The page failed. The log has the error.' })
    }
  }

  const server = createServer((request, response) => {
    render(request.method, request.url)
      .then(page => send(response, page))
      .catch((err: unknown) => {
        log.error({ err }, 'a page of the operator port could not be sent')
        response.destroy()
      })
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, host, resolve)
  })
  server.on('error', err => log.error({ err }, 'the operator port could not accept a connection'))
  const { address, family, port: actualPort } = server.address() as AddressInfo
  return {
    url: `http://${family === 'IPv6' ? `[${address}]` : address}:${actualPort}`,
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
