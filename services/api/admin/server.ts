import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Logger } from '../../platform/log.ts'
import type { Readiness } from '../readiness.ts'
import type { Metrics } from './metrics.ts'

export interface AdminSettings {
  host: string
  /** 0 takes a free one. */
  port: number
  metrics: Pick<Metrics, 'contentType' | 'text'>
  readiness(): Promise<Readiness>
  isStopping(): boolean
  log: Pick<Logger, 'error'>
}

export interface AdminServer {
  /** `http://host:port`, with the port that was taken. */
  url: string
  close(): Promise<void>
}

interface Answer {
  status: number
  type?: string
  body: string
}

const json = (status: number, body: object): Answer => ({ status, body: `${JSON.stringify(body)}\n` })

/**
 * /metrics, /livez and /readyz on a port of their own, which is nobody's but the operator's: it has no tokens, and it answers
 * while the other port is full of uploads or does not accept any more.
 *
 * @throws what listening throws, when the port is taken for instance
 */
export async function startAdminServer(settings: AdminSettings): Promise<AdminServer> {
  const { host, port, metrics, readiness, isStopping, log } = settings
  const pages = new Map<string, () => Promise<Answer>>([
    ['/livez', async () => json(200, { status: 'ok' })],
    ['/metrics', async () => ({ status: 200, type: metrics.contentType, body: await metrics.text() })],
    [
      '/readyz',
      async () => {
        if (isStopping()) return json(503, { status: 'stopping' })
        const { ready, checks } = await readiness()
        return json(ready ? 200 : 503, { status: ready ? 'ready' : 'unavailable', checks })
      },
    ],
  ])

  async function answerTo(method: string | undefined, url = ''): Promise<Answer> {
    const [path = ''] = url.split('?', 1)
    const page = pages.get(path)
    if (!page) return json(404, { error: `only ${[...pages.keys()].join(', ')} are here` })
    if (method !== 'GET' && method !== 'HEAD') return json(405, { error: 'only GET and HEAD are allowed' })
    try {
      return await page()
    } catch (err) {
      log.error({ err, path }, 'a page of the admin port failed')
      return json(500, { error: 'it is in the log' })
    }
  }

  const server = createServer((request, response) => {
    void answerTo(request.method, request.url).then(answer => send(response, answer))
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, host, resolve)
  })
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

function send(response: ServerResponse, { status, type = 'application/json', body }: Answer): void {
  response.writeHead(status, {
    'content-type': type,
    'cache-control': 'no-store',
    ...(status === 405 && { allow: 'GET, HEAD' }),
  })
  response.end(body)
}
