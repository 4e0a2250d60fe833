import type { Test } from 'tap'
import { writeLocalProfile } from '../../../services/local/pipeline/local-profile.ts'
import { type Pipeline, startPipeline } from '../../../services/local/pipeline/pipeline.ts'

/** Starts the pipeline of `npm start` with one worker, and writes its profile to a folder of this test. */
export async function startWithProfile(
  t: Pick<Test, 'teardown' | 'testdir'>,
): Promise<{ pipeline: Pipeline; configDir: string }> {
  const configDir = t.testdir()
  const failure = Promise.withResolvers<never>()
  const pipeline = await startPipeline({
    port: 0,
    workers: 1,
    restart: false,
    logTo: () => () => undefined,
    onFailure: failure.reject,
    onNotice: () => undefined,
  })
  t.teardown(() => pipeline.stop())
  await Promise.race([isReady(pipeline.apiUrl), failure.promise])
  await writeLocalProfile(pipeline, { HEADGATE_CONFIG_DIR: configDir })
  return { pipeline, configDir }
}

/** Resolves when the api responds. */
async function isReady(apiUrl: string): Promise<void> {
  for (;;) {
    const response = await fetch(`${apiUrl}/readyz`).catch(() => undefined)
    if (response?.ok) return
    await new Promise(resolve => setTimeout(resolve, 50))
  }
}
