import { type Child, type ChildDeath, type ChildSettings, startChild } from './children.ts'

export interface RestartingChildSettings extends ChildSettings {
  /** Asked at every death. */
  mayRestart(): boolean
  /** It died and was started again. */
  onRestart(death: ChildDeath): void
  /** It died and stays dead. */
  onDeath(death: ChildDeath): void
}

/** A child that is started again when it ends by itself, as a service of a fleet is. */
export function startRestartingChild(settings: RestartingChildSettings): Child {
  const start = () => startChild({ ...settings, onDeath })
  // A child that was asked to stop does not tell its death: none is started after a stop.
  function onDeath(death: ChildDeath): void {
    if (settings.mayRestart()) {
      child = start()
      settings.onRestart(death)
    } else {
      settings.onDeath(death)
    }
  }
  let child = start()
  return {
    name: settings.name,
    get pid() {
      return child.pid
    },
    stop: timeoutMs => child.stop(timeoutMs),
    kill: () => child.kill(),
  }
}
