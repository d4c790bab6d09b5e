"""For every rule the calls it is tried on: the node a call must make, the call, and the shapes of its operands."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from app.drawing.rules import all_rules

Call = Callable[..., Any]
Case = tuple[str, Call, Sequence[tuple[int, ...]]]
INDEX = torch.tensor([2, 0, 2])
PLACES = torch.tensor([[0, 2, 1], [1, 1, 0]])
LABELS = torch.tensor([0, 3, 1])
MASK = torch.tensor([[True, False, True, True], [False, False, True, False], [True, True, False, True]])
M, V = (3, 4), (4,)
IMAGE = (2, 2, 4, 6)

ELEMENTWISE: tuple[tuple[str, Call], ...] = (
    ("NegBackward0", torch.neg),
    ("ReciprocalBackward0", torch.reciprocal),
    ("ExpBackward0", torch.exp),
    ("Exp2Backward0", torch.exp2),
    ("Expm1Backward0", torch.expm1),
    ("LogBackward0", torch.log),
    ("Log2Backward0", torch.log2),
    ("Log10Backward0", torch.log10),
    ("Log1PBackward0", torch.log1p),
    ("SqrtBackward0", torch.sqrt),
    ("RsqrtBackward0", torch.rsqrt),
    ("AbsBackward0", torch.abs),
    ("SgnBackward0", torch.sgn),
    ("SignBackward0", torch.sign),
    ("FloorBackward0", torch.floor),
    ("CeilBackward0", torch.ceil),
    ("RoundBackward0", torch.round),
    ("TruncBackward0", torch.trunc),
    ("FracBackward0", torch.frac),
    ("SinBackward0", torch.sin),
    ("CosBackward0", torch.cos),
    ("TanBackward0", torch.tan),
    ("AsinBackward0", torch.asin),
    ("AcosBackward0", torch.acos),
    ("AtanBackward0", torch.atan),
    ("SinhBackward0", torch.sinh),
    ("CoshBackward0", torch.cosh),
    ("TanhBackward0", torch.tanh),
    ("AsinhBackward0", torch.asinh),
    ("AcoshBackward0", lambda x: torch.acosh(x + 1)),
    ("AtanhBackward0", torch.atanh),
    ("ErfBackward0", torch.erf),
    ("ErfcBackward0", torch.erfc),
    ("ErfinvBackward0", torch.erfinv),
    ("LgammaBackward0", torch.lgamma),
    ("SincBackward0", torch.sinc),
    ("SigmoidBackward0", torch.sigmoid),
    ("LogitBackward0", torch.logit),
    ("NanToNumBackward0", torch.nan_to_num),
    ("Deg2RadBackward0", torch.deg2rad),
    ("Rad2DegBackward0", torch.rad2deg),
    ("PowBackward0", lambda x: x**3),
    ("PowBackward0", lambda x: x**0.5),
    ("PowBackward2", lambda x: 2**x),
    ("AddBackward1", lambda x: torch.ops.aten.add.Scalar(x, 3.0)),
    ("SubBackward1", lambda x: torch.ops.aten.sub.Scalar(x, 3.0)),
    ("MulBackward1", lambda x: torch.ops.aten.mul.Scalar(x, 3.0)),
    ("DivBackward1", lambda x: torch.ops.aten.div.Scalar(x, 3.0)),
    ("RsubBackward1", lambda x: 1 - x),
    ("RemainderBackward0", lambda x: x % 0.3),
    ("FmodBackward0", lambda x: torch.fmod(x, 0.3)),
    ("ClampBackward1", lambda x: x.clamp(0.2, 0.6)),
    ("ClampBackward1", lambda x: x.clamp(max=0.6)),
    ("ClampMinBackward0", lambda x: x.clamp_min(0.5)),
    ("ClampMaxBackward0", lambda x: x.clamp_max(0.5)),
    ("ReluBackward0", lambda x: torch.relu(x - 0.5)),
    ("LeakyReluBackward0", lambda x: F.leaky_relu(x - 0.5)),
    ("EluBackward0", lambda x: F.elu(x - 0.5)),
    ("EluBackward0", lambda x: F.selu(x - 0.5)),
    ("CeluBackward0", lambda x: F.celu(x - 0.5, 0.7)),
    ("SiluBackward0", F.silu),
    ("GeluBackward0", F.gelu),
    ("SoftplusBackward0", F.softplus),
    ("HardtanhBackward0", lambda x: F.hardtanh(x, 0.2, 0.6)),
    ("HardtanhBackward0", F.relu6),
    ("HardswishBackward0", lambda x: F.hardswish(9 * x - 4.5)),
    ("HardsigmoidBackward0", lambda x: F.hardsigmoid(9 * x - 4.5)),
    ("MishBackward0", F.mish),
    ("LogSigmoidBackward0", F.logsigmoid),
    ("ThresholdBackward0", lambda x: F.threshold(x, 0.4, 0.1)),
    ("SoftshrinkBackward0", F.softshrink),
    ("HardshrinkBackward0", F.hardshrink),
    ("CloneBackward0", torch.clone),
    ("AliasBackward0", lambda x: torch.ops.aten.alias(x)),
    ("ToCopyBackward0", lambda x: x.float()),
    ("ZeroBackward0", lambda x: x.clone().zero_()),
    ("FillBackward2", lambda x: x.clone().fill_(2.0)),
    ("MaskedFillBackward0", lambda x: x.masked_fill(MASK, 7.0)),
)
"""Calls of one operand; what stands before the last operation in them makes only its operand."""

BROADCASTING: tuple[tuple[str, Call], ...] = (
    ("AddBackward0", torch.add),
    ("AddBackward0", lambda a, b: torch.add(a, b, alpha=3)),
    ("SubBackward0", torch.sub),
    ("SubBackward0", lambda a, b: torch.sub(a, b, alpha=3)),
    ("MulBackward0", torch.mul),
    ("DivBackward0", torch.div),
    ("PowBackward1", torch.pow),
    ("RemainderBackward1", torch.remainder),
    ("LerpBackward0", lambda a, b: torch.lerp(a, b, 0.3)),
    ("MaximumBackward0", torch.maximum),
    ("MinimumBackward0", torch.minimum),
    ("WhereBackward0", lambda a, b: torch.where(MASK, a, b)),
    ("Atan2Backward0", torch.atan2),
    ("HypotBackward0", torch.hypot),
    ("LogaddexpBackward0", torch.logaddexp),
    ("XlogyBackward0", torch.xlogy),
)

OTHERS: tuple[Case, ...] = (
    ("AddcmulBackward0", lambda a, b, c: torch.addcmul(a, b, c, value=2), (M, M, V)),
    ("AddcdivBackward0", lambda a, b, c: torch.addcdiv(a, b, c, value=2), (M, V, M)),
    ("LerpBackward1", torch.lerp, (M, M, M)),
    ("ClampBackward0", lambda a, b, c: a.clamp(b * 0.5, c + 0.4), (M, M, M)),
    ("MaximumBackward0", lambda a, b: torch.maximum(a.round(), b.round()), (M, M)),
    ("MinimumBackward0", lambda a, b: torch.minimum(a.round(), b.round()), (M, M)),
    ("MaxBackward0", lambda a: a.max(1), (M,)),
    ("MinBackward0", lambda a: a.min(0, keepdim=True), (M,)),
    ("MaxBackward1", lambda a: a.max(), (M,)),
    ("MaxBackward1", lambda a: a.round().max(), (M,)),
    ("MinBackward1", lambda a: a.round().min(), (M,)),
    ("MedianBackward0", lambda a: a.median(), (M,)),
    ("MedianBackward1", lambda a: a.median(1), (M,)),
    ("AmaxBackward0", lambda a: a.round().amax(1), (M,)),
    ("AmaxBackward0", lambda a: a.amax((0, 1)), (M,)),
    ("AminBackward0", lambda a: a.round().amin(0, keepdim=True), (M,)),
    ("KthvalueBackward0", lambda a: a.kthvalue(2, 1), (M,)),
    ("SortBackward0", lambda a: a.sort(0), (M,)),
    ("TopkBackward0", lambda a: a.topk(2), (M,)),
    ("CummaxBackward0", lambda a: a.cummax(1), (M,)),
    ("CumminBackward0", lambda a: a.cummin(0), (M,)),
    ("SoftmaxBackward0", lambda a: a.softmax(1), (M,)),
    ("SoftmaxBackward0", lambda a: a.softmax(0), (M,)),
    ("LogSoftmaxBackward0", lambda a: a.log_softmax(-1), (M,)),
    ("SafeSoftmaxBackward0", lambda a: torch.ops.aten._safe_softmax(a, 1), (M,)),
    ("PreluKernelBackward0", lambda a, b: torch._prelu_kernel(a - 0.5, b), (M, (1, 1))),
    ("RreluWithNoiseBackward0", lambda a: F.rrelu(a - 0.5, training=True), (M,)),
    ("NativeDropoutBackward0", lambda a: torch.native_dropout(a, 0.5, True), (M,)),
    ("SumBackward0", lambda a: a.sum(), (M,)),
    ("SumBackward1", lambda a: a.sum(1), ((2, 3, 4),)),
    ("SumBackward1", lambda a: a.sum((0, -1), keepdim=True), ((2, 3, 4),)),
    ("NansumBackward0", lambda a: a.nansum(1), (M,)),
    ("MeanBackward0", lambda a: a.mean(), (M,)),
    ("MeanBackward1", lambda a: a.mean((0, 2)), ((2, 3, 4),)),
    ("ProdBackward0", lambda a: a.prod(), (M,)),
    ("ProdBackward1", lambda a: a.prod(1), (M,)),
    ("VarBackward0", lambda a: a.var(), (M,)),
    ("VarBackward0", lambda a: a.var(1, correction=0), (M,)),
    ("StdBackward0", lambda a: a.std(), (M,)),
    ("StdBackward0", lambda a: a.std(0, keepdim=True), (M,)),
    ("LinalgVectorNormBackward0", lambda a: a.norm(), (M,)),
    ("LinalgVectorNormBackward0", lambda a: torch.linalg.vector_norm(a, dim=1), (M,)),
    ("LogsumexpBackward0", lambda a: a.logsumexp(1), (M,)),
    ("CumsumBackward0", lambda a: a.cumsum(1), (M,)),
    ("MmBackward0", torch.mm, (M, (4, 2))),
    ("AddmmBackward0", torch.addmm, ((2,), M, (4, 2))),
    ("AddmmBackward0", lambda a, b, c: torch.addmm(a, b, c, beta=2, alpha=3), ((3, 2), M, (4, 2))),
    ("BmmBackward0", torch.bmm, ((2, 3, 4), (2, 4, 5))),
    ("BaddbmmBackward0", torch.baddbmm, ((3, 5), (2, 3, 4), (2, 4, 5))),
    ("MvBackward0", torch.mv, (M, V)),
    ("AddmvBackward0", lambda a, b, c: torch.addmv(a, b, c, beta=2, alpha=3), ((3,), M, V)),
    ("AddrBackward0", lambda a, b, c: torch.addr(a, b, c, beta=2, alpha=3), (M, (3,), V)),
    ("DotBackward0", torch.dot, (V, V)),
    ("TBackward0", torch.t, (M,)),
    ("TransposeBackward0", lambda a: a.transpose(0, 2), ((2, 3, 4),)),
    ("PermuteBackward0", lambda a: a.permute(1, 2, 0), ((2, 3, 4),)),
    ("LinalgInvExBackward0", lambda a: torch.linalg.inv_ex(a), ((3, 3),)),
    ("LinalgDetBackward0", torch.linalg.det, ((3, 3),)),
    ("LinalgSolveExBackward0", torch.linalg.solve, ((3, 3), (3, 2))),
    ("LinalgSolveExBackward0", torch.linalg.solve, ((3, 3), (3,))),
    ("LinalgCrossBackward0", torch.linalg.cross, ((4, 3), (4, 3))),
    ("TraceBackward0", torch.trace, (M,)),
    ("TrilBackward0", lambda a: a.tril(1), (M,)),
    ("TriuBackward0", lambda a: a.triu(-1), (M,)),
    ("DiagonalBackward0", lambda a: a.diagonal(1), (M,)),
    ("DiagEmbedBackward0", lambda a: a.diag_embed(1), (M,)),
    ("ScaledDotProductFlashAttentionForCpuBackward0", F.scaled_dot_product_attention, ((1, 2, 3, 4),) * 3),
    ("ViewBackward0", lambda a: a.view(2, 6), (M,)),
    ("UnsafeViewBackward0", lambda a: torch.ops.aten._unsafe_view(a, (2, 6)), (M,)),
    ("ReshapeAliasBackward0", lambda a: torch.ops.aten._reshape_alias(a, (2, 6), (6, 1)), (M,)),
    ("SqueezeBackward0", lambda a: a.squeeze(), ((3, 1, 4),)),
    ("SqueezeBackward1", lambda a: a.squeeze(1), ((3, 1, 4),)),
    ("SqueezeBackward2", lambda a: a.squeeze((0, 2)), ((1, 3, 1),)),
    ("UnsqueezeBackward0", lambda a: a.unsqueeze(1), (M,)),
    ("ExpandBackward0", lambda a: a.expand(2, 3, 4), ((3, 1),)),
    ("CatBackward0", lambda a, b: torch.cat([a, b], 1), (M, (3, 2))),
    ("StackBackward0", lambda a, b: torch.stack([a, b], 1), (M, M)),
    ("SplitBackward0", lambda a: a.split(2), (M,)),
    ("SplitWithSizesBackward0", lambda a: a.split([1, 3], 1), (M,)),
    ("UnbindBackward0", lambda a: a.unbind(1), (M,)),
    ("SelectBackward0", lambda a: a.select(1, 2), (M,)),
    ("SliceBackward0", lambda a: torch.ops.aten.slice(a, 1, 1, 4, 2), (M,)),
    ("IndexBackward0", lambda a: a[INDEX], (M,)),
    ("IndexBackward0", lambda a: a[MASK], (M,)),
    ("IndexSelectBackward0", lambda a: a.index_select(0, INDEX), (M,)),
    ("IndexAddBackward0", lambda a, b: a.index_add(0, INDEX, b, alpha=2), (M, M)),
    ("FillBackward0", lambda a: torch.fill(a, 2.0), (M,)),
    ("FillBackward1", lambda a, b: torch.fill(a, b), (M, ())),
    ("FillBackward3", lambda a, b: a.clone().fill_(b), (M, ())),
    ("CopyBackwards", lambda a: torch.zeros(M, dtype=torch.float64).copy_(a), (M,)),
    ("SqueezeBackward4", lambda a: a.clone().squeeze_(1), ((3, 1, 4),)),
    ("TakeBackward0", lambda a: a.take(INDEX), (M,)),
    ("GatherBackward0", lambda a: a.gather(1, PLACES), (M,)),
    ("ScatterBackward0", lambda a, b: a.scatter(1, PLACES[:, :1], b), (M, M)),
    ("ScatterAddBackward0", lambda a, b: a.scatter_add(1, PLACES, b), (M, M)),
    ("MaskedSelectBackward0", lambda a: a.masked_select(MASK), (M,)),
    ("EmbeddingBackward0", lambda a: F.embedding(PLACES, a), (M,)),
    ("RepeatBackward0", lambda a: a.repeat(2, 3), (M,)),
    ("FlipBackward0", lambda a: a.flip(0, 1), (M,)),
    ("RollBackward0", lambda a: a.roll((1, 2), (0, 1)), (M,)),
    ("ConstantPadNdBackward0", lambda a: F.pad(a, (1, 2, 0, 1)), (M,)),
    ("ViewAsComplexBackward0", torch.view_as_complex, ((3, 2),)),
    ("ComplexBackward0", torch.complex, (M, M)),
    ("MseLossBackward0", F.mse_loss, (M, M)),
    ("MseLossBackward0", lambda a, b: F.mse_loss(a, b, reduction="sum"), (M, M)),
    ("MseLossBackward0", lambda a, b: F.mse_loss(a, b, reduction="none"), (M, M)),
    ("SmoothL1LossBackward0", lambda a, b: F.smooth_l1_loss(a, b, beta=0.3), (M, M)),
    ("HuberLossBackward0", lambda a, b: F.huber_loss(a, b, delta=0.3), (M, M)),
    ("NllLossBackward0", lambda a: F.nll_loss(a, LABELS), (M,)),
    ("NllLossBackward0", lambda a: F.nll_loss(a, LABELS, reduction="sum"), (M,)),
    ("BinaryCrossEntropyBackward0", F.binary_cross_entropy, (M, M)),
    ("BinaryCrossEntropyWithLogitsBackward0", F.binary_cross_entropy_with_logits, (M, M)),
    ("SoftMarginLossBackward0", lambda a: F.soft_margin_loss(a, MASK * 2.0 - 1), (M,)),
    ("NativeLayerNormBackward0", lambda a, b, c: torch.native_layer_norm(a, (4,), b, c, 1e-5), (M, V, V)),
    (
        "NativeLayerNormBackward0",
        lambda a: torch.native_layer_norm(a, (3, 4), None, None, 1e-5),
        ((2, 3, 4),),
    ),
    ("NativeBatchNormBackward0", lambda a, b, c: batch_norm(a, b, c), (IMAGE, (2,), (2,))),
    ("ConvolutionBackward0", F.conv2d, (IMAGE, (3, 2, 2, 3), (3,))),
    ("MaxPool2DWithIndicesBackward0", lambda a: F.max_pool2d_with_indices(a, (2, 2)), (IMAGE,)),
    ("AvgPool2DBackward0", lambda a: F.avg_pool2d(a, 2), (IMAGE,)),
    ("UpsampleNearest2DBackward0", lambda a: F.interpolate(a, scale_factor=2), (IMAGE,)),
)


def batch_norm(a: Tensor, weight: Tensor, bias: Tensor) -> Any:
    return torch.native_batch_norm(a, weight, bias, None, None, True, 0.1, 1e-5)


CASES: tuple[Case, ...] = (
    *((op, call, (M,)) for op, call in ELEMENTWISE),
    *((op, call, shapes) for op, call in BROADCASTING for shapes in ((M, V), ((3, 1), M), ((), M))),
    *OTHERS,
)

MASKED = frozenset({"MaskedFillBackward0", "WhereBackward0"})
"""Their masks have a shape of their own."""
REAL_ONLY = frozenset({"ViewAsComplexBackward0", "ComplexBackward0"})
COMPLEX: tuple[Case, ...] = (
    ("ConjBackward0", torch.conj, (M,)),
    ("ViewAsRealBackward0", torch.view_as_real, (M,)),
    *(case for case in CASES if all_rules()[case[0]][0].for_complex and case[0] not in REAL_ONLY),
)
COMMONEST = """
AddBackward0 SubBackward0 MulBackward0 DivBackward0 PowBackward0 NegBackward0 ExpBackward0 LogBackward0 SqrtBackward0
AbsBackward0 SinBackward0 CosBackward0 TanhBackward0 SigmoidBackward0 ReluBackward0 LeakyReluBackward0 EluBackward0
GeluBackward0 SiluBackward0 SoftplusBackward0 SoftmaxBackward0 LogSoftmaxBackward0 ClampBackward1 MaximumBackward0
MinimumBackward0 WhereBackward0 SumBackward0 SumBackward1 MeanBackward0 MeanBackward1 MaxBackward0 MaxBackward1
VarBackward0 StdBackward0 LinalgVectorNormBackward0 LogsumexpBackward0 CumsumBackward0 ProdBackward0 MmBackward0
AddmmBackward0 BmmBackward0 MvBackward0 DotBackward0 TBackward0 TransposeBackward0 PermuteBackward0 ViewBackward0
UnsafeViewBackward0 ExpandBackward0 SqueezeBackward1 UnsqueezeBackward0 CloneBackward0 ToCopyBackward0 CatBackward0
StackBackward0 SplitBackward0 UnbindBackward0 SelectBackward0 SliceBackward0 IndexBackward0 GatherBackward0
MaskedFillBackward0 EmbeddingBackward0 MseLossBackward0 NllLossBackward0 BinaryCrossEntropyBackward0
BinaryCrossEntropyWithLogitsBackward0 SmoothL1LossBackward0 HuberLossBackward0 NativeLayerNormBackward0
NativeBatchNormBackward0 ConvolutionBackward0 MaxPool2DWithIndicesBackward0 AvgPool2DBackward0
ScaledDotProductFlashAttentionForCpuBackward0
"""
