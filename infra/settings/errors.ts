import { HeadgateError } from '../../services/platform/errors.ts'

/** The settings in the context are invalid or contradict each other. The message names every setting at fault. */
export class SettingsError extends HeadgateError {
  readonly code = 'HEADGATE_INFRA_SETTINGS'
  readonly faults: readonly string[]

  constructor(faults: readonly string[]) {
    super(`The settings are invalid. Set them with -c NAME=VALUE:\n${faults.map(fault => `  ${fault}`).join('\n')}`)
    this.faults = faults
  }
}
