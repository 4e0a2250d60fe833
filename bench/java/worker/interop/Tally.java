package interop;

import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import software.amazon.kinesis.exceptions.InvalidStateException;
import software.amazon.kinesis.exceptions.ShutdownException;
import software.amazon.kinesis.lifecycle.events.InitializationInput;
import software.amazon.kinesis.lifecycle.events.LeaseLostInput;
import software.amazon.kinesis.lifecycle.events.ProcessRecordsInput;
import software.amazon.kinesis.lifecycle.events.ShardEndedInput;
import software.amazon.kinesis.lifecycle.events.ShutdownRequestedInput;
import software.amazon.kinesis.processor.RecordProcessorCheckpointer;
import software.amazon.kinesis.processor.ShardRecordProcessor;
import software.amazon.kinesis.retrieval.KinesisClientRecord;

/** Does nothing with the records of all shards but to count them, and tells when it has those of a round of a benchmark. */
final class Tally {
    /** A checkpoint for each batch, as in the guide's example, would cost as much as the records. */
    private static final long CHECKPOINT_NANOS = TimeUnit.SECONDS.toNanos(3);

    private final long recordsPerRound;
    private final AtomicLong handled = new AtomicLong();

    Tally(long recordsPerRound) {
        this.recordsPerRound = recordsPerRound;
    }

    ShardRecordProcessor processor() {
        return new Counter();
    }

    private void count() {
        long now = handled.incrementAndGet();
        if (now % recordsPerRound == 0) Events.emit("round", "round", now / recordsPerRound, "handled", now);
    }

    private final class Counter implements ShardRecordProcessor {
        private long checkpointedAt = System.nanoTime();

        @Override
        public void initialize(InitializationInput input) { }

        @Override
        public void processRecords(ProcessRecordsInput input) {
            for (KinesisClientRecord record : input.records()) {
                if (record.data() != null) count();
            }
            if (input.records().isEmpty() || System.nanoTime() - checkpointedAt < CHECKPOINT_NANOS) return;
            checkpointedAt = System.nanoTime();
            checkpoint(input.checkpointer());
        }

        @Override
        public void leaseLost(LeaseLostInput input) { }

        @Override
        public void shardEnded(ShardEndedInput input) {
            checkpoint(input.checkpointer());
        }

        @Override
        public void shutdownRequested(ShutdownRequestedInput input) {
            checkpoint(input.checkpointer());
        }

        private void checkpoint(RecordProcessorCheckpointer checkpointer) {
            try {
                checkpointer.checkpoint();
            } catch (ShutdownException lost) {
                Events.emit("checkpointRefused", "error", lost);
            } catch (InvalidStateException invalid) {
                throw new IllegalStateException(invalid);
            }
        }
    }
}
