import { randomBytes } from 'node:crypto'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { configDir } from '../../cli/session/profiles.ts'
import { isWebhookSecret } from '../../platform/config/webhook.ts'

/**
 * Returns the secret that `npm start` signs notifications with if WEBHOOK_URL is set and WEBHOOK_SECRET is not, and its file. The file is
 * created at the first start, and kept, so that a receiver needs the secret only once.
 */
export async function localWebhookSecret(
  env: NodeJS.ProcessEnv,
): Promise<{ secret: string; file: string } | undefined> {
  if (!env.WEBHOOK_URL || env.WEBHOOK_SECRET) return undefined
  const dir = configDir(env)
  const file = path.join(dir, 'webhook-secret')
  const known = await readFile(file, 'utf8').catch(ignoreMissing)
  if (known !== undefined && isWebhookSecret(known.trim())) return { secret: known.trim(), file }
  const secret = `whsec_${randomBytes(32).toString('base64')}`
  await mkdir(dir, { recursive: true, mode: 0o700 })
  await writeFile(file, `${secret}\n`, { mode: 0o600 })
  return { secret, file }
}

function ignoreMissing(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT') throw error
}
