import { SNAPSHOT_VARIABLE } from '../reload/snapshot.ts'
import { STANDBY_VARIABLE } from './child-env.ts'
import { type Child, type ChildSettings, startChild } from './children.ts'

/** A child that has loaded its code, or is about to, and does not run yet. */
export interface Standby {
  /** Starts its work with these variables. Returns undefined if it has ended since. */
  begin(env: NodeJS.ProcessEnv): Child | undefined
  kill(): void
}

/** Starts a child that stands by. Its `onDeath` is called only once it has begun. */
export function startStandby(settings: ChildSettings): Standby {
  let hasBegun = false
  let isDead = false
  const { [SNAPSHOT_VARIABLE]: _ofAnOldVersion, ...env } = settings.env
  const child = startChild({
    ...settings,
    env: { ...env, [STANDBY_VARIABLE]: '1' },
    onDeath(death) {
      isDead = true
      if (hasBegun) settings.onDeath(death)
    },
  })
  return {
    begin(env) {
      if (isDead) return undefined
      hasBegun = true
      child.send(env)
      return child
    },
    kill: () => child.kill(),
  }
}
