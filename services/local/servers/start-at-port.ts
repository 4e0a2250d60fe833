import { PortTakenError } from '../errors.ts'
import { type ServiceName, startError, titles } from './server.ts'

type Ports = Partial<Record<ServiceName, number>>

export interface PortSettings {
  host: string
  /** The ports of the settings. */
  ports: Ports
  /** The ports of the last run, which are used where the settings have none. */
  remembered: Ports
  /** Called when a server does not get its port of the last run. */
  onMove(service: ServiceName, notice: string): void
}

/**
 * Starts a server at its port of the settings, or of the last run, or at a free one.
 *
 * @throws PortTakenError, EmbeddedAwsError
 */
export async function startAtPort<T extends { port: number }>(
  service: ServiceName,
  { host, ports, remembered, onMove }: PortSettings,
  startServer: (at: { host: string; port: number }) => Promise<T>,
): Promise<T> {
  const startAt = (port: number) =>
    startServer({ host, port }).catch((cause: unknown) => Promise.reject(startError(service, port, cause)))
  const [wanted, before] = [ports[service], remembered[service]]
  if (wanted !== undefined || before === undefined) return startAt(wanted ?? 0)
  try {
    return await startAt(before)
  } catch (error) {
    if (!(error instanceof PortTakenError)) throw error
    const server = await startAt(0)
    const title = titles[service]
    onMove(service, `Port ${before}, which ${title} had before, is in use: ${title} now has port ${server.port}.`)
    return server
  }
}
