/** The outcome of a job: it is done, it is to be retried once `later` resolves, or its lane stopped without it. */
export type LaneOutcome = 'done' | 'stopped' | { later: Promise<void> }

/**
 * Runs one job. Returns the outcome if it is known at once. Otherwise it returns undefined and reports the outcome to
 * `ended` later. A promise for each job would cost as much as all other steps together.
 */
export type JobRunner<Job> = (job: Job) => LaneOutcome | undefined

/**
 * Creates the runner of one place, which runs one job at a time. `ended` is called once for each job for which the
 * runner returned undefined. `yieldPlace` gives the place of the running job to another job; it returns whether the job
 * is now without a place.
 */
export type RunnerFactory<Job> = (ended: (outcome: LaneOutcome) => void, yieldPlace: () => boolean) => JobRunner<Job>
