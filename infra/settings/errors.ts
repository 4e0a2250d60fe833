import { HeadgateError } from '../../services/platform/errors.ts'

/** The context cannot be deployed. Names every setting at fault. */
export class SettingsError extends HeadgateError {
  readonly code = 'HEADGATE_INFRA_SETTINGS'
  readonly faults: readonly string[]

  constructor(faults: readonly string[]) {
    super(`The settings cannot be used. Set them by -c NAME=VALUE:\n${faults.map(fault => `  ${fault}`).join('\n')}`)
    this.faults = faults
  }
}
