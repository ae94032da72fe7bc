"""What a pretraining run will take on GPUs, before any is rented: operations, time, cost, memory. Nothing needs torch.

The counts are exact; time rests on the MFU that is assumed, memory on what :func:`memory_per_gpu` says it counts.
"""

from dataclasses import dataclass

from bessemer.config.pretrain import PretrainParams
from bessemer.model.sizes import ModelSize
from bessemer.training.gpus import Gpu
from bessemer.training.preflight import state_size

STRATEGIES = ("none", "ddp", "fsdp2", "zero1", "zero2", "zero3")
LOGITS_BYTES = 3 * (512 << 20)
"""A chunk of logits on a GPU, see :data:`bessemer.model.loss.CHUNK_BYTES`, with what is made of it at the same time."""


@dataclass(frozen=True)
class Memory:
    """Bytes on one GPU.

    Attributes:
        weights: what is trained, and in 16 bits what is multiplied with.
        gradients: with the buckets in which they are exchanged.
        optimizer: its state, and fp32 master weights where weights are in 16 bits.
        gathered: of sharded weights and gradients, what is whole at a time.
        activations: of one forward pass, and a chunk of logits.
    """

    weights: int
    gradients: int
    optimizer: int
    gathered: int
    activations: int

    @property
    def total(self) -> int:
        """All together; the allocator's fragments and the libraries' own memory are not in it."""
        return self.weights + self.gradients + self.optimizer + self.gathered + self.activations


@dataclass(frozen=True)
class Plan:
    """A run on ``gpus`` of ``gpu``.

    Attributes:
        flops_palm: operations of the whole run, attention counted whole.
        flops_causal: only what a causal mask leaves.
        seconds: without evaluation, checkpoints and interruptions.
        memory: bytes on one GPU, by strategy.
        checkpoint: bytes of one checkpoint.
    """

    size: ModelSize
    tokens: int
    steps: int
    gpu: Gpu
    gpus: int
    mfu: float
    flops_palm: int
    flops_causal: int
    seconds: float
    micro_batch: int
    memory: dict[str, Memory]
    checkpoint: int

    @property
    def gpu_hours(self) -> float:
        """Hours of all GPUs together."""
        return self.seconds * self.gpus / 3600


def plan_pretraining(
    params: PretrainParams, vocab_size: int, *, gpu: Gpu, gpus: int, mfu: float, micro_batch: int | None = None
) -> Plan:
    """Reckon a run.

    Args:
        params: the run.
        vocab_size: tokens of the tokenizer.
        gpu: of this kind.
        gpus: so many, each with one process.
        mfu: share of the peak that is reached, attention counted whole (PaLM).
        micro_batch: samples of one forward pass; without it, as many as give 16,384 tokens.
    """
    size = ModelSize.of(params.model, vocab_size)
    palm, causal = size.flops_per_token(params.sequence_length)
    share = max(1, params.batch_sequences // gpus)
    samples = micro_batch or min(share, max(1, 16_384 // params.sequence_length))
    optimizer = params.optimizer.name
    usable = [name for name in STRATEGIES if not (name == "none" and gpus > 1) and not (name == "ddp" and gpus == 1)]
    if optimizer == "muon":
        usable = [name for name in usable if not name.startswith("zero")]
    tokens = samples * params.sequence_length
    return Plan(
        size=size,
        tokens=params.total_tokens,
        steps=params.steps,
        gpu=gpu,
        gpus=gpus,
        mfu=mfu,
        flops_palm=palm * params.total_tokens,
        flops_causal=causal * params.total_tokens,
        seconds=palm * params.total_tokens / (gpu.peak * mfu * gpus),
        micro_batch=samples,
        memory={name: memory_per_gpu(size, name, gpus, optimizer, tokens) for name in usable},
        checkpoint=state_size(size.by_kind, optimizer).checkpoint,
    )


def memory_per_gpu(size: ModelSize, strategy: str, world: int, optimizer: str, tokens: int) -> Memory:
    """Bytes on each of ``world`` GPUs in bf16 mixed precision, without offload and recomputation.

    Weights, gradients and state in fp32 and the bf16 copies that autocast keeps for the step (none, ddp); DDP's buckets
    hold a second copy of the gradients. FSDP2 shards all of it and gathers two layers and the embedding in bf16, and
    the gradients of the larger in bf16 and fp32. ZeRO has weights and gradients in bf16 and shards, beside fp32 master
    weights and state (stage 1), gradients (2), and weights (3).

    Args:
        size: of the model.
        strategy: none, ddp, fsdp2, zero1, zero2 or zero3.
        world: number of GPUs.
        optimizer: ``muon`` or ``adamw``.
        tokens: of one forward pass.
    """
    count, embeddings = size.parameters, size.by_kind["embeddings"]
    largest = max(size.layer_matrices, embeddings)
    state = state_size(size.by_kind, optimizer).optimizer
    activations = activation_bytes(size, tokens) + LOGITS_BYTES
    if strategy in ("none", "ddp"):
        copies = 2 * (size.by_kind["matrices"] + size.vocabulary * size.hidden)
        return Memory(4 * count + copies, 4 * count * (2 if strategy == "ddp" else 1), state, 0, activations)
    if strategy == "fsdp2":
        gathered = 2 * (2 * size.layer_matrices + embeddings) + 6 * largest
        return Memory(4 * count // world, 4 * count // world, state // world, gathered, activations)
    stage = int(strategy[-1])
    gathered = 2 * (2 * size.layer_matrices + embeddings) if stage == 3 else 0
    return Memory(
        2 * count // (world if stage == 3 else 1),
        2 * count // (world if stage >= 2 else 1),
        (4 * count + state) // world,
        gathered,
        activations,
    )


def activation_bytes(size: ModelSize, tokens: int) -> int:
    """What the backward pass needs of a forward pass of ``tokens``, in bf16 with fused attention.

    A layer keeps, for each token: the two norms' inputs (fp32) and outputs, queries, keys and values before and after
    norm and rotation, attention's output, and gate, up, the activated gate and their product.
    """
    queries, keys = size.heads * size.head_dim, size.kv_heads * size.head_dim
    attention = 2 * (queries + 2 * keys) + (10 if size.qk_norm else 4) * (queries + keys) + 2 * queries
    layer = 12 * size.hidden + attention + 2 * 4 * size.intermediate
    return tokens * (size.layers * layer + 12 * size.hidden)
