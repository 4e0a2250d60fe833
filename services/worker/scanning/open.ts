import type { S3Client } from '@aws-sdk/client-s3'
import { clamdAddressOf } from '../../platform/config/scanner.ts'
import type { ProcessorConfig } from '../../platform/config/worker.ts'
import { ConfigurationError } from '../../platform/errors.ts'
import type { Logger } from '../../platform/log.ts'
import type { Scanner } from './scanner.ts'

export interface ScannerSettings {
  config: Pick<
    ProcessorConfig,
    'SCANNER' | 'CLAMD_URL' | 'CLAMD_TIMEOUT_MS' | 'CLAMD_MAX_CONNECTIONS' | 'CLAMD_MAX_BYTES'
  >
  s3: S3Client
  log: Pick<Logger, 'info' | 'warn'>
}

/**
 * Creates the configured scanner, and loads the code for it. Undefined without a scanner. Makes no request.
 *
 * @throws ConfigurationError if clamd has no address
 */
export async function openScanner({ config, s3, log }: ScannerSettings): Promise<Scanner | undefined> {
  if (config.SCANNER === 'none') return undefined
  if (config.SCANNER === 'guardduty') return (await import('./guardduty.ts')).createGuardDuty(s3)
  const address = clamdAddressOf(config.CLAMD_URL ?? '')
  if (!address) {
    const problem = 'is required with SCANNER=clamd, for example tcp://127.0.0.1:3310 or unix:///run/clamav/clamd.ctl'
    throw new ConfigurationError([{ variable: 'CLAMD_URL', problem }])
  }
  const { createClamd } = await import('./clamd.ts')
  return createClamd({
    address,
    timeoutMs: config.CLAMD_TIMEOUT_MS,
    maxConnections: config.CLAMD_MAX_CONNECTIONS,
    maxBytes: config.CLAMD_MAX_BYTES,
    log,
  })
}

/** How long the check at the start may take, in milliseconds. */
const CHECK_MS = 5_000

/** Logs a warning if the scanner does not answer. The worker starts all the same: uploads wait until the scanner works. */
export async function checkScanner(scanner: Scanner | undefined, log: Pick<Logger, 'warn'>): Promise<void> {
  if (scanner?.name !== 'clamd') return
  try {
    await scanner.check(AbortSignal.timeout(CHECK_MS))
  } catch (err) {
    log.warn({ err }, 'the scanner does not answer: uploads wait until it does')
  }
}
