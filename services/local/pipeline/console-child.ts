import { childEnv } from './child-env.ts'
import type { ChildDeath } from './children.ts'
import { deathNotice } from './death-notice.ts'
import { type Pipeline, programPath, RESTARTS } from './pipeline.ts'
import { type RestartingChild, startRestartingChild } from './restarting-child.ts'

/** What the console sends when it listens. */
export interface ConsoleReady {
  consoleUrl: string
}

export interface ConsoleChildSettings {
  /** The port, if it is free. 0 selects a free port. */
  port: number
  pipeline: Pick<Pipeline, 'apiUrl' | 'metricsUrls'> & { aws: Pick<Pipeline['aws'], 'env'> }
  logTo(name: string): (line: string) => void
  onNotice(notice: string): void
}

export interface ConsoleChild extends Pick<RestartingChild, 'stop' | 'kill'> {
  /** Resolves to the address when the console listens for the first time, and to undefined if it cannot start. */
  readonly url: Promise<string | undefined>
}

/** Starts the console of the pipeline. The pipeline does not need it, so its death is no failure. */
export function startConsoleChild({ port, pipeline, logTo, onNotice }: ConsoleChildSettings): ConsoleChild {
  const { apiUrl, metricsUrls, aws } = pipeline
  const first = Promise.withResolvers<string | undefined>()
  let starts = 0
  const child = startRestartingChild({
    name: 'console',
    entry: programPath('local/console'),
    env: childEnv(process.env, aws.env, {
      API_URL: apiUrl,
      METRICS_URLS: metricsUrls.join(','),
      CONSOLE_PORT: String(port),
    }),
    backoff: RESTARTS,
    onLine: logTo('console'),
    onMessage(message) {
      const { consoleUrl } = message as ConsoleReady
      if (starts++ > 0) onNotice(`The console has a new address: ${consoleUrl}`)
      first.resolve(consoleUrl)
    },
    onDeath({ lastLines, how }) {
      onNotice(`The console could not start: ${lastLines || how}\nEverything else keeps running.`)
      first.resolve(undefined)
    },
    onRestart: (death: ChildDeath, waitMs: number) => onNotice(deathNotice(death, waitMs)),
  })
  return { url: first.promise, stop: timeoutMs => child.stop(timeoutMs), kill: () => child.kill() }
}
