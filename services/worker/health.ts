import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Logger } from '../platform/log.ts'

export interface HealthReport {
  ok: boolean
  /** What a person would ask next. Goes into the answer as it is. */
  details?: Record<string, unknown>
}

export interface HealthSettings {
  host: string
  /** 0 takes a free one. */
  port: number
  /** Not ok: the process is beyond help and should be replaced. */
  live(): HealthReport
  /** Not ok: the process cannot do its work now. */
  ready(): HealthReport
  log: Pick<Logger, 'error'>
}

export interface HealthServer {
  /** `http://host:port`, with the port that was taken. */
  url: string
  close(): Promise<void>
}

/**
 * Serves /livez and /readyz: 200 or 503, with the report as JSON. A report that throws is not ok.
 *
 * @throws what listening throws, when the port is taken for instance
 */
export async function startHealthServer({ host, port, live, ready, log }: HealthSettings): Promise<HealthServer> {
  const reports = new Map([
    ['/livez', live],
    ['/readyz', ready],
  ])
  const server = createServer((request, response) => {
    const [path = ''] = (request.url ?? '').split('?')
    const report = reports.get(path)
    if (!report) return answer(response, 404, { error: 'only /livez and /readyz are here' })
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      response.setHeader('allow', 'GET, HEAD')
      return answer(response, 405, { error: 'only GET and HEAD are allowed' })
    }
    const { ok, details } = ask(report)
    answer(response, ok ? 200 : 503, { ...details, status: ok ? 'ok' : 'unavailable' })
  })

  function ask(report: () => HealthReport): HealthReport {
    try {
      return report()
    } catch (err) {
      log.error({ err }, 'the health report failed')
      return { ok: false, details: { reason: 'the health report failed' } }
    }
  }

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

function answer(response: ServerResponse, status: number, body: Record<string, unknown>): void {
  response.writeHead(status, { 'content-type': 'application/json', 'cache-control': 'no-store' })
  response.end(`${JSON.stringify(body)}\n`)
}
