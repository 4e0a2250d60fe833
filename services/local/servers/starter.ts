import { PortTakenError } from '../errors.ts'
import { type ServiceName, startError, titles } from './server.ts'

type Ports = Partial<Record<ServiceName, number>>

export interface StarterSettings {
  host: string
  /** What was asked for. */
  ports: Ports
  /** Where the servers were before: taken again where nothing was asked for. */
  remembered: Ports
  /** Hears of a server that is not where it was. */
  onMove(service: ServiceName, notice: string): void
}

export type Starter = <T extends { port: number }>(
  service: ServiceName,
  startServer: (at: { host: string; port: number }) => Promise<T>,
) => Promise<T>

/** What starts each server at the port that it should have. */
export function createStarter({ host, ports, remembered, onMove }: StarterSettings): Starter {
  return async (service, startServer) => {
    const startAt = (port: number) =>
      startServer({ host, port }).catch((cause: unknown) => Promise.reject(startError(service, port, cause)))
    const [asked, before] = [ports[service], remembered[service]]
    if (asked !== undefined || before === undefined) return startAt(asked ?? 0)
    try {
      return await startAt(before)
    } catch (error) {
      if (!(error instanceof PortTakenError)) throw error
      const server = await startAt(0)
      onMove(service, `Port ${before}, where ${titles[service]} was before, is taken: it is at ${server.port} now.`)
      return server
    }
  }
}
