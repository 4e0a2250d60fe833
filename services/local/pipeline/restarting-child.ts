import { type Child, type ChildDeath, type ChildSettings, startChild } from './children.ts'
import { type Standby, startStandby } from './standby.ts'

export interface RestartBackoff {
  /** The first wait, in milliseconds. Each following wait is twice as long. */
  firstMs: number
  maxMs: number
  /** After a child ran for this long, in milliseconds, the next wait is the first wait again. */
  stableMs: number
}

/**
 * Returns the wait before a child that died restarts, in milliseconds. The waits grow, so that a child that cannot run costs
 * little, and are bounded, so that every child restarts.
 *
 * @param lastWaitMs the wait before the last restart; undefined before the first
 * @param ranMs how long the child ran
 */
export function restartWait(
  { firstMs, maxMs, stableMs }: RestartBackoff,
  lastWaitMs: number | undefined,
  ranMs: number,
): number {
  return lastWaitMs === undefined || ranMs >= stableMs ? firstMs : Math.min(maxMs, lastWaitMs * 2)
}

export interface RestartingChild extends Child {
  /** Stops the child as `stop` does, and starts it again with other variables. After a stop, nothing starts. */
  replace(env: NodeJS.ProcessEnv, timeoutMs: number): Promise<void>
}

/** Time after a start until the next child stands by, in milliseconds: the first one needs the processors to start. */
const STANDBY_AFTER_MS = 2_000

export interface RestartingChildSettings extends ChildSettings {
  /** True to keep a second child standing by, so that `replace` takes less time. @default false */
  hasStandby?: boolean
  backoff: RestartBackoff
  /** Called when a child died and will restart after `waitMs`. */
  onRestart(death: ChildDeath, waitMs: number): void
  /** Called for a child that could not start the first time. It does not restart. */
  onDeath(death: ChildDeath): void
}

/**
 * Restarts a child whenever it ends by itself, as an orchestrator restarts a service. A child that cannot start the
 * first time does not restart, because its configuration must change.
 */
export function startRestartingChild(settings: RestartingChildSettings): RestartingChild {
  let { env } = settings
  let hasRun = false
  let isStopped = false
  let restart: NodeJS.Timeout | undefined
  let startedAt = 0
  let waitMs: number | undefined
  let standby: Standby | undefined
  let preparing: NodeJS.Timeout | undefined
  let child = start()

  function start(): Child {
    startedAt = performance.now()
    prepareStandby()
    return startChild({ ...settings, env, onDeath })
  }

  function prepareStandby(): void {
    clearTimeout(preparing)
    if (!settings.hasStandby) return
    preparing = setTimeout(() => {
      standby ??= startStandby({ ...settings, env, onDeath })
    }, STANDBY_AFTER_MS).unref()
  }

  function dropStandby(): void {
    clearTimeout(preparing)
    standby?.kill()
    standby = undefined
  }

  // A child that is being stopped reports no death, so no child starts after a stop.
  function onDeath(death: ChildDeath): void {
    hasRun ||= !death.isStartFailure
    if (!hasRun) {
      settings.onDeath(death)
      return
    }
    waitMs = restartWait(settings.backoff, waitMs, performance.now() - startedAt)
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
    async replace(nextEnv, timeoutMs) {
      env = nextEnv
      clearTimeout(restart)
      await child.stop(timeoutMs)
      if (isStopped) return
      waitMs = undefined
      const begun = standby?.begin(env)
      standby = undefined
      child = begun ?? start()
      if (!begun) return
      startedAt = performance.now()
      prepareStandby()
    },
    stop(timeoutMs) {
      isStopped = true
      clearTimeout(restart)
      dropStandby()
      return child.stop(timeoutMs)
    },
    kill() {
      isStopped = true
      clearTimeout(restart)
      dropStandby()
      child.kill()
    },
  }
}
