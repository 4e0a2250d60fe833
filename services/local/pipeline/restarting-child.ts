import { type Child, type ChildDeath, type ChildSettings, startChild } from './children.ts'
import type { RestartBackoff } from './restart-backoff.ts'

export interface RestartingChildSettings extends ChildSettings {
  backoff: RestartBackoff
  /** Called for a death after which the child is started again, once `waitMs` have passed. */
  onRestart(death: ChildDeath, waitMs: number): void
  /** Called for a child that could not start in the first place. It stays dead. */
  onDeath(death: ChildDeath): void
}

/**
 * Starts a child again whenever it ends by itself, as an orchestrator does with a service, and never gives it up. Only a child
 * that cannot start the first time is not tried again: its configuration has to change.
 */
export function startRestartingChild(settings: RestartingChildSettings): Child {
  let hasRun = false
  let restart: NodeJS.Timeout | undefined
  let startedAt = 0
  let child = start()

  function start(): Child {
    startedAt = performance.now()
    return startChild({ ...settings, onDeath })
  }

  // A child that was asked to stop reports no death, so that none is started after a stop.
  function onDeath(death: ChildDeath): void {
    hasRun ||= !death.isStartFailure
    if (!hasRun) {
      settings.onDeath(death)
      return
    }
    const waitMs = settings.backoff(performance.now() - startedAt)
    settings.onRestart(death, waitMs)
    restart = setTimeout(() => {
      child = start()
    }, waitMs)
  }

  return {
    name: settings.name,
    get pid() {
      return child.pid
    },
    stop(timeoutMs) {
      clearTimeout(restart)
      return child.stop(timeoutMs)
    },
    kill() {
      clearTimeout(restart)
      child.kill()
    },
  }
}
