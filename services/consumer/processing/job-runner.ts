/** A job is done, or is to be tried again once `later` resolves, or its lane has come to an end without it. */
export type LaneOutcome = 'done' | 'stopped' | { later: Promise<void> }

/**
 * Does one job. Gives what the job came to where that is known at once; else undefined, and `ended` is told of it later. A
 * promise for each job would cost as much as the rest of its way.
 */
export type JobRunner<Job> = (job: Job) => LaneOutcome | undefined

/**
 * Makes what does the jobs of one place, one at a time. `ended` is called once for each job that gave undefined. `yieldPlace` gives
 * the place of the job that runs to another one; it returns whether the job is without a place now.
 */
export type RunnerFactory<Job> = (ended: (outcome: LaneOutcome) => void, yieldPlace: () => boolean) => JobRunner<Job>
