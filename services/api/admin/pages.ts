import { jsonPage, type Pages } from '../../platform/operator-port.ts'
import type { Readiness } from '../readiness.ts'
import type { Metrics } from './metrics.ts'

export interface AdminPagesSettings {
  metrics: Pick<Metrics, 'contentType' | 'text'>
  readiness(): Promise<Readiness>
  isStopping(): boolean
}

/** Returns the pages /metrics, /livez and /readyz of the admin port. */
export function adminPages({ metrics, readiness, isStopping }: AdminPagesSettings): Pages {
  return {
    '/livez': () => jsonPage(200, { status: 'ok' }),
    '/metrics': async () => ({ status: 200, contentType: metrics.contentType, body: await metrics.text() }),
    '/readyz': async () => {
      if (isStopping()) return jsonPage(503, { status: 'stopping' })
      const { ready, checks } = await readiness()
      return jsonPage(ready ? 200 : 503, { status: ready ? 'ready' : 'unavailable', checks })
    },
  }
}
